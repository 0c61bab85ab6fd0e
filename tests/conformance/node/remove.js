'use strict';
/* remove.js - takes away the directory of a program that has just been told to end. */

const fs = require('fs');

/** Tries again where it is not empty in the end: what the program writes last comes while this goes on. */
function remove(dir) {
    fs.rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

module.exports = { remove };
