/* symbol.h - the names of our own functions, static ones too, as the program's own file has them. */
#ifndef SIM_SYMBOL_H
#define SIM_SYMBOL_H

/* Of the function in which that return address lies; NULL: unknown.  Equal functions, equal pointers. */
const char *symbol_of(const void *address);

#endif
