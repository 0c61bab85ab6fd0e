package tss;

/**
 * Stands before TSS.Java's own, which looks for the machine's TPM in /dev alone: here it is where conformance.Tpms
 * listens, with the framing of the resource manager of early tpm2-tss, which TSS.Java still speaks. The jar is
 * signed, so conformance.Unsigned runs what needs this class.
 */
public class TpmFactory {
    private static int port;

    /** Where conformance.Tpms listens. */
    public static void listensAt(int there) {
        port = there;
    }

    /** What SecurityProviderTPMHsm asks for; null, as there: there is none. */
    public static Tpm platformTpm() {
        TpmDevice device = new TpmDeviceTcp("localhost", port, true);
        if (!device.connect()) {
            return null;
        }
        Tpm tpm = new Tpm();
        tpm._setDevice(device);
        return tpm;
    }
}
