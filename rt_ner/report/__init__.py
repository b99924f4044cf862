"""Write the session report: a page that shows how recorded sessions went."""
