"""Numbers to decisions: from the goal to what each rep must do, and the gap that costs most."""
