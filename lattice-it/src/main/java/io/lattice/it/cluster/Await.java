package io.lattice.it.cluster;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Waits for conditions, never for a time to pass.
public final class Await {
    private static final long POLL_NANOS = TimeUnit.MILLISECONDS.toNanos(10);

    private Await() {}

    /// Polls `condition` until it holds. An exception of the condition counts as "not yet" and becomes
    /// the cause if the time runs out.
    ///
    /// @param what completes the sentence "gave up waiting until …"
    /// @param context is asked for more to print when the time runs out
    /// @throws AwaitTimeoutException after `limit`
    public static void until(
            String what, Duration limit, Callable<Boolean> condition, Supplier<String> context) {
        long deadline = System.nanoTime() + limit.toNanos();
        Exception last = null;
        while (true) {
            try {
                if (condition.call()) {
                    return;
                }
            } catch (Exception e) {
                last = e;
            }
            if (Thread.interrupted()) {
                Thread.currentThread().interrupt();
                throw new AwaitTimeoutException("interrupted while waiting until " + what, last);
            }
            if (System.nanoTime() - deadline > 0) {
                throw new AwaitTimeoutException(
                        "gave up waiting until %s after %d ms%s"
                                .formatted(what, limit.toMillis(), indent(context.get())),
                        last);
            }
            LockSupport.parkNanos(POLL_NANOS);
        }
    }

    /// [#until(String, Duration, Callable, Supplier)] without more to print.
    public static void until(String what, Duration limit, Callable<Boolean> condition) {
        until(what, limit, condition, () -> "");
    }

    private static String indent(String context) {
        return context.isEmpty() ? "" : "\n" + context;
    }

    /// The condition did not hold in time.
    public static final class AwaitTimeoutException extends RuntimeException {
        AwaitTimeoutException(String message, @Nullable Throwable cause) {
            super(message, cause);
        }
    }
}
