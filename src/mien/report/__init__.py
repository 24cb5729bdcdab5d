"""From an analysis to what a person or a program reads: table, figure, transcript."""
