"""Code that every page of the console uses: the frame, lists, rights, masking and badges."""
