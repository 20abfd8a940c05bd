"""Pictures: functions of arrays, one file an idea, and `gallery`, which chooses those that suit a run."""
