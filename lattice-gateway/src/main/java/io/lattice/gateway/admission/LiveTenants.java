package io.lattice.gateway.admission;

import io.lattice.cp.manifest.ManifestSource;
import java.util.function.Supplier;

/// The tenants of the newest manifest. Whoever asks anew for each call goes by a changed policy from the next call on.
/// Thread-safe; asking costs one volatile read.
public final class LiveTenants implements Supplier<Tenants> {
    private final ManifestSource source;
    private final String defaultTenant;
    private volatile Tenants current;

    /// Begins with the source's manifest.
    ///
    /// @param defaultTenant the tenant of calls that name none, if the manifest has it
    public LiveTenants(ManifestSource source, String defaultTenant) {
        this.source = source;
        this.defaultTenant = defaultTenant;
        this.current = new Tenants(source.current(), defaultTenant, null);
    }

    /// Goes by what is now the source's manifest. What tenants have used counts on.
    public synchronized void refresh() {
        current = new Tenants(source.current(), defaultTenant, current);
    }

    @Override
    public Tenants get() {
        return current;
    }
}
