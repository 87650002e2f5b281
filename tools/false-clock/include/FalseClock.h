// Nothing is called in this library: it is loaded before a program's other libraries (LD_PRELOAD).
