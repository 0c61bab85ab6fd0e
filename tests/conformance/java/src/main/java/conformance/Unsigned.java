package conformance;

import java.security.Security;

/**
 * Runs another program of this package as if no jar were signed: then a class of ours may stand in the package of one
 * (tss.TpmFactory). It has to be said before the first of them is opened, so this program names none.
 */
public final class Unsigned {
    private Unsigned() {
    }

    public static void main(String[] args) throws Exception {
        Security.setProperty("jdk.jar.disabledAlgorithms", "SHA256, SHA-256, RSA");
        Class.forName("conformance." + args[0]).getMethod("main", String[].class).invoke(null, (Object) new String[0]);
    }
}
