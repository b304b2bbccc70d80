"""The stages of a survey: what each reads, makes and depends on."""
