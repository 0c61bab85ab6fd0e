/* sqlite.h - the store's engine on SQLite: WAL, synchronous=FULL, files through base/io.h. */
#ifndef STORE_SQLITE_SQLITE_H
#define STORE_SQLITE_SQLITE_H

#include "store/engine.h"

extern const struct store_engine store_sqlite;

#endif
