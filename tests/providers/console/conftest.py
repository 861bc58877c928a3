"""What tests of the console share."""

ADD = "/eum/providers/add/"
