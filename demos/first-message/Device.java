/* Device.java - one message, sent by Azure's SDK for Java: docs/tutorials/firmware.md.
 *
 * Reads what `azimuth env` sets. Which CA is trusted is the business of the Java machine, not of this program. */
import com.microsoft.azure.sdk.iot.device.DeviceClient;
import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import com.microsoft.azure.sdk.iot.device.Message;

public class Device {
    public static void main(String[] args) throws Exception {
        DeviceClient client = new DeviceClient(System.getenv("IOTHUB_DEVICE_CONNECTION_STRING"), IotHubClientProtocol.MQTT);
        client.open(true);
        client.sendEvent(new Message("{\"temperature\":23.5,\"from\":\"java\"}"));
        System.out.println("acknowledged: the message is on disk");
        client.close();
    }
}
