package conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Runs cases one after the other and prints one line for each: ok or not ok, a name, why not. */
final class Check {
    /** What a case does. */
    interface Body {
        void run() throws Exception;
    }

    private record Case(String name, Body body) {}

    private final List<Case> cases = new ArrayList<>();

    /** Adds a case; its name is a sentence. */
    Check add(String name, Body body) {
        cases.add(new Case(name, body));
        return this;
    }

    boolean runAll(String group) {
        boolean good = true;
        for (Case one : cases) {
            long start = System.currentTimeMillis();
            try {
                one.body.run();
                System.out.printf("ok %s: %s # %d ms%n", group, one.name, System.currentTimeMillis() - start);
            } catch (Exception | AssertionError error) {
                good = false;
                String why = error.toString().replaceAll("\\s+", " ");
                System.out.printf("not ok %s: %s # %s%n", group, one.name, why);
                error.printStackTrace();
            }
        }
        return good;
    }

    static void equal(String what, Object got, Object wanted) {
        if (!Objects.equals(got, wanted)) {
            throw new AssertionError(what + " is " + got + ", not " + wanted);
        }
    }

    /** The error with which `body` fails; that it does not fail is a failure. */
    static Throwable failure(Body body) {
        try {
            body.run();
        } catch (Exception error) {
            return error;
        }
        throw new AssertionError("it should have failed");
    }
}
