/* azure_metrics.h - IoT Hub's metrics by their own names, where the hub counts them under another.
 *
 * A name is `azimuth_`, then Azure's with underscores for dots, then the unit where the name has none, and `_total`
 * for what counts up.  Labels are called as Azure's dimensions are.  Together with what is counted under
 * such a name at once, every metric of Microsoft.Devices/IotHubs is there (docs/reference/metrics.md).
 *
 * Source:  "Monitoring data reference for Azure IoT Hub", platform metrics.
 */
#ifndef SERVER_AZURE_METRICS_H
#define SERVER_AZURE_METRICS_H

void azure_metrics_begin(void); /* at start-up */

#endif
