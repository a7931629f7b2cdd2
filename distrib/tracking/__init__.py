"""What people look at: TensorBoard, the live table, curves, the report."""
