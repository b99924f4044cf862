"""Pictures of trainings and of recordings."""
