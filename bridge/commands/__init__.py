"""What the program's commands do. `bridge.cli` reads their arguments."""
