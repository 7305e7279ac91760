"""From an alert to an answer: incidents, escalation, pages, Ack."""
