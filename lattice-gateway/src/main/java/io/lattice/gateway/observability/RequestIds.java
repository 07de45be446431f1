package io.lattice.gateway.observability;

import io.grpc.Metadata;
import java.security.SecureRandom;
import java.util.HexFormat;
import java.util.concurrent.atomic.AtomicLong;

/// Names calls, so that what is logged of one in several places, on this side and the client's, can be brought together. Thread-safe.
public final class RequestIds {
    /// What a client calls its request.
    private static final Metadata.Key<String> GIVEN =
            Metadata.Key.of("x-request-id", Metadata.ASCII_STRING_MARSHALLER);

    private static final int GIVEN_CHARS_MAX = 64;

    private final String prefix;
    private final AtomicLong last = new AtomicLong();

    public RequestIds() {
        byte[] random = new byte[4];
        new SecureRandom().nextBytes(random);
        this.prefix = HexFormat.of().formatHex(random) + "-";
    }

    /// The client's own name for the call, if it sent a short one in `x-request-id`, else one made up: unique for this process,
    /// and almost surely for all. One that is made up is put into the headers, so that the call keeps it. On the call's event loop.
    String of(Metadata headers) {
        String given = headers.get(GIVEN);
        if (given != null && !given.isEmpty() && given.length() <= GIVEN_CHARS_MAX) {
            return given;
        }
        String made = prefix + Long.toHexString(last.incrementAndGet());
        headers.discardAll(GIVEN);
        headers.put(GIVEN, made);
        return made;
    }
}
