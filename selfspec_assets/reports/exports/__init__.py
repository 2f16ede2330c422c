"""What a recipe's adapter and its data become outside of selfspec: one module for each format."""
