package conformance;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs cases and prints one line for each: ok or not ok, a name, why not; or not offered, and why. */
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

    /** Runs them one after the other; whether all went well. */
    boolean runAll(String group) {
        return runSideBySide(group, 1);
    }

    /** Runs so many at a time, begun in their order; whether all went well. */
    boolean runSideBySide(String group, int threads) {
        ExecutorService pool = Executors.newFixedThreadPool(threads);
        List<Future<Boolean>> all = cases.stream().map(one -> pool.submit(() -> run(group, one))).toList();
        boolean good = true;
        for (Future<Boolean> one : all) {
            try {
                good &= one.get();
            } catch (InterruptedException | ExecutionException error) {
                throw new IllegalStateException(error);
            }
        }
        pool.shutdown();
        return good;
    }

    private static boolean run(String group, Case one) {
        long start = System.currentTimeMillis();
        try {
            one.body.run();
            System.out.printf("ok %s: %s # %d ms%n", group, one.name, System.currentTimeMillis() - start);
            return true;
        } catch (Exception | AssertionError error) {
            String why = error.toString().replaceAll("\\s+", " ");
            System.out.printf("not ok %s: %s # %s%n", group, one.name, why);
            error.printStackTrace();
            return false;
        }
    }

    /** Says that the SDK does not have what `name` would look at, and where it says so. */
    static void notOffered(String group, String name, String why) {
        System.out.printf("not offered %s: %s # %s%n", group, name, why);
    }

    /** Says what is missing here for that case. */
    static void skipped(String group, String name, String why) {
        System.out.printf("skipped %s: %s # %s%n", group, name, why);
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
