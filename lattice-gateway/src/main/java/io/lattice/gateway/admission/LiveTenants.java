package io.lattice.gateway.admission;

import io.lattice.cp.manifest.ManifestSource;
import java.util.function.Supplier;

/// The tenants of the newest manifest. Whoever asks anew for each call goes by a changed policy from the next call on.
/// Thread-safe; asking costs one volatile read.
public final class LiveTenants implements Supplier<Tenants> {
    private final ManifestSource source;
    private final String defaultTenant;
    private final String group;
    private volatile Tenants current;

    /// Begins with the source's manifest.
    ///
    /// @param defaultTenant the tenant of calls that name none, if the manifest has it
    /// @param group the group that this node serves
    public LiveTenants(ManifestSource source, String defaultTenant, String group) {
        this.source = source;
        this.defaultTenant = defaultTenant;
        this.group = group;
        this.current = new Tenants(source.current(), defaultTenant, group, null);
    }

    /// Goes by what is now the source's manifest. What tenants have used counts on.
    public synchronized void refresh() {
        current = new Tenants(source.current(), defaultTenant, group, current);
    }

    @Override
    public Tenants get() {
        return current;
    }
}
