"""The verbs. They write what a person or a program asked for, and do what the rows say is due."""
