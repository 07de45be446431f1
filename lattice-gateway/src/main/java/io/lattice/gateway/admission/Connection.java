package io.lattice.gateway.admission;

import io.lattice.gateway.admission.Tenants.Caller;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Who is at the other end of a connection, and which tenants that is for by the newest manifest. Thread-safe.
final class Connection {
    private final Function<Tenants, Caller> client;

    /// What was settled last. A race costs settling it once more: what is shared is immutable.
    private @Nullable Settled settled;

    private record Settled(Tenants tenants, Caller caller) {}

    /// @param client finds what a client may use, the same for the same tenants
    Connection(Function<Tenants, Caller> client) {
        this.client = client;
    }

    Caller caller(Tenants tenants) {
        Settled last = settled;
        if (last == null || last.tenants() != tenants) {
            last = new Settled(tenants, client.apply(tenants));
            settled = last;
        }
        return last.caller();
    }
}
