/* sasl_tpm.h - SASL TPM: a device that registers and proves that it has its TPM.  Private to front/amqp.
 *
 *   init       00 {id scope} 00 {registration id} 00 {endorsement key}
 *   challenge  00                      response  00 {storage root key}
 *   challenge  80|n {part n}           response  00
 *   challenge  C0|n {last part}        response  00 {token}
 *
 * The parts are those of the key that only its TPM can open (auth/tpm.h), and the token is signed with it.
 *
 * Limits:  AMQP_TPM_PART_MAX bytes of a part, DPS_TPM_MAX of both public keys: refused, `azimuth_limit_reached_total{limit="tpm-keys"}`.
 * Source:  sasl_tpm.js of azure-iot-provisioning-device-amqp; SaslTpmHandler.cs of the SDK for .NET. */
#ifndef FRONT_AMQP_SASL_TPM_H
#define FRONT_AMQP_SASL_TPM_H

#include "dps/dps.h"
#include "front/amqp/peer.h"

enum { AMQP_TPM_PART_MAX = 470 }; /* a frame of SASL has 512 bytes */

enum sasl_tpm_result { SASL_TPM_GOES_ON, SASL_TPM_WELCOME, SASL_TPM_REFUSED };

/* What was shown stays until the connection ends; the token goes where that of SASL PLAIN goes. */
enum sasl_tpm_result sasl_tpm_init(struct peer *p, struct slice response);
enum sasl_tpm_result sasl_tpm_response(struct peer *p, struct slice response);

struct slice sasl_tpm_keys(const struct peer *p); /* for struct dps_device; empty: none */

void sasl_tpm_free(struct peer *p);

#endif
