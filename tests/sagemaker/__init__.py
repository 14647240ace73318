"""The SageMaker contract of the container's side, row by row, through real sockets."""
