"""The only code that does I/O for the services. Whoever imports it logs without local variables, set up or not."""

from shared.chassis.logs import without_set_up

without_set_up()
