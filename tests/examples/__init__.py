"""What is shipped to be copied is checked against the code: names, ports, paths, metrics."""
