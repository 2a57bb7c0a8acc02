"""How dates and numbers are written in the console; see FORMAT_MODULE_PATH."""
