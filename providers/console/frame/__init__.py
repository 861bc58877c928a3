"""What every page of the console uses: its frame, its lists, rights, masking and badges."""
