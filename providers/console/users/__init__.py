"""Users and groups as the directories sent them: lists, pages, timelines and the recycle bin."""
