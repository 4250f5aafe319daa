"""The image, and the two small programs in it that are not a service: the health probe and the first secrets."""
