"""SageMaker: sessions by a header and two control requests; the container's and boto3's side."""
