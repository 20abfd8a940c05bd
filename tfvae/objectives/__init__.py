"""Objectives: functions of arrays that give a loss for each example, in nats."""
