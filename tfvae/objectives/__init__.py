"""Objectives: functions of arrays that return a loss per example, in nats."""
