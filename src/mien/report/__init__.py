"""Output of an analysis for people and programs: table, figures, page, transcript, exports."""
