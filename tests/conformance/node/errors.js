'use strict';
/* errors.js - every row of the references' tables of errors, protocol by protocol. */

require('./errors_http');
require('./errors_amqp');
require('./errors_mqtt');
