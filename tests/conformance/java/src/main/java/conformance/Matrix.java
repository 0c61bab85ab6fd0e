package conformance;

import com.microsoft.azure.sdk.iot.device.IotHubClientProtocol;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Every capability over every protocol of iot-device-client: one case each, named `TRANSPORT: CAPABILITY`, side by
 * side. What a protocol of the SDK does not have is said so, with its reason. With an argument: the cases with these
 * words in their names.
 */
public final class Matrix {
    private static final String GROUP = "java matrix";
    private static final int THREADS = 10;

    private static final Map<String, IotHubClientProtocol> TRANSPORTS = new LinkedHashMap<>();

    static {
        TRANSPORTS.put("MQTT", IotHubClientProtocol.MQTT);
        TRANSPORTS.put("MQTT-WS", IotHubClientProtocol.MQTT_WS);
        TRANSPORTS.put("AMQP", IotHubClientProtocol.AMQPS);
        TRANSPORTS.put("AMQP-WS", IotHubClientProtocol.AMQPS_WS);
        TRANSPORTS.put("HTTPS", IotHubClientProtocol.HTTPS);
    }

    private static final String NO_SETTLING =
        "MqttIotHubConnection.sendMessageResult ignores the result: \"The only ack that can be sent in MQTT is COMPLETE\"";
    private static final String NO_TWINS =
        "InternalClient: \"Twin operations are only supported over MQTT, MQTT_WS, AMQPS, and AMQPS_WS\"";
    private static final String NO_METHODS =
        "InternalClient: \"Direct methods are only supported over MQTT, MQTT_WS, AMQPS, and AMQPS_WS\"";
    private static final String NO_MODULES =
        "ModuleClient: \"Only MQTT, MQTT_WS, AMQPS and AMQPS_WS are supported for ModuleClient.\"";
    private static final Map<String, String> NOT_OFFERED = Map.of(
        "MQTT: C2D reject", NO_SETTLING,
        "MQTT: C2D abandon", NO_SETTLING,
        "MQTT-WS: C2D reject", NO_SETTLING,
        "MQTT-WS: C2D abandon", NO_SETTLING,
        "HTTPS: twin get", NO_TWINS,
        "HTTPS: twin reported", NO_TWINS,
        "HTTPS: twin desired", NO_TWINS,
        "HTTPS: methods", NO_METHODS,
        "HTTPS: modules", NO_MODULES);

    private Matrix() {}

    public static void main(String[] args) throws Exception {
        String only = args.length > 0 ? args[0] : "";
        Check check = new Check();
        for (MatrixCells.Capability capability : MatrixCells.capabilities()) {
            TRANSPORTS.forEach((transport, protocol) -> {
                String name = transport + ": " + capability.name();
                if (NOT_OFFERED.containsKey(name)) {
                    Check.notOffered(GROUP, name, NOT_OFFERED.get(name));
                } else if (name.contains(only)) {
                    check.add(name, capability.of(new MatrixCells.Cell(transport, protocol)));
                }
            });
        }
        Stream.start();
        Notices.start();
        System.exit(check.runSideBySide(GROUP, THREADS) ? 0 : 1);
    }
}
