"""What the chats show, and when."""
