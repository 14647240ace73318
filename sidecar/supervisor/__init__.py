"""The engine as a child: started, restarted within a budget, stopped with its grace, never left."""
