package io.lattice.gateway.admission;

import io.lattice.cp.manifest.Manifest;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// All tenants of a manifest, and which of them a connection may use. Immutable but for the meters.
public final class Tenants {
    private final Map<String, Tenant> byName = new TreeMap<>();
    private final Map<String, Map<String, Tenant>> byIdentity = new HashMap<>();
    private final Map<String, Tenant> byServerName = new HashMap<>();
    private final Tenant defaultTenant;

    /// @param defaultTenant one of the manifest's
    public Tenants(Manifest manifest, String defaultTenant) {
        manifest.tenants()
                .forEach((name, entry) -> {
                    Tenant tenant =
                            new Tenant(
                                    name,
                                    new Route(entry.keyspace(), entry.routingEpoch()),
                                    entry.leaseTtl(),
                                    entry.quota(),
                                    new TenantMeter(entry.quota()));
                    byName.put(name, tenant);
                    for (String identity : entry.access().identities()) {
                        byIdentity
                                .computeIfAbsent(identity, _ -> new TreeMap<>())
                                .put(name, tenant);
                    }
                    for (String serverName : entry.access().serverNames()) {
                        byServerName.put(serverName, tenant);
                    }
                });
        this.defaultTenant =
                Objects.requireNonNull(byName.get(defaultTenant), "the manifest's default tenant");
    }

    /// All, by name.
    public List<Tenant> all() {
        return List.copyOf(byName.values());
    }

    /// The one of calls that name none.
    public Tenant defaultTenant() {
        return defaultTenant;
    }

    /// A connection without TLS: it may use every tenant.
    Caller insecure() {
        return new Caller(byName, defaultTenant);
    }

    /// A connection with a client certificate.
    ///
    /// @param identities the certificate's
    /// @param serverName what the client calls this server, null if nothing
    Caller certified(Set<String> identities, @Nullable String serverName) {
        Map<String, Tenant> permitted = new TreeMap<>();
        for (String identity : identities) {
            permitted.putAll(byIdentity.getOrDefault(identity, Map.of()));
        }
        Tenant named =
                serverName == null ? null : byServerName.get(serverName.toLowerCase(Locale.ROOT));
        if (permitted.isEmpty()) {
            permitted.put(defaultTenant.name(), defaultTenant);
            if (named != null) {
                permitted.put(named.name(), named);
            }
            return new Caller(permitted, named != null ? named : defaultTenant);
        }
        return new Caller(permitted, unnamed(permitted, named));
    }

    /// A connection with TLS but without a client certificate: it may use no tenant.
    Caller uncertified() {
        return new Caller(Map.of(), null);
    }

    /// Where the certificate allows several tenants, the server name chooses, or else it is the default tenant, if the
    /// certificate allows it.
    private @Nullable Tenant unnamed(Map<String, Tenant> permitted, @Nullable Tenant named) {
        Collection<Tenant> candidates = permitted.values();
        if (candidates.size() == 1) {
            return candidates.iterator().next();
        }
        if (named != null && candidates.contains(named)) {
            return named;
        }
        return candidates.contains(defaultTenant) ? defaultTenant : null;
    }

    /// A connection's choice of tenants, settled once for all its calls.
    ///
    /// @param permitted the tenants that it may use, by name
    /// @param unnamed the tenant of calls that name none; null if they must
    record Caller(Map<String, Tenant> permitted, @Nullable Tenant unnamed) {
        /// The tenant of a call, null if it has none.
        ///
        /// @param name what the call asks for, null if nothing
        @Nullable Tenant choose(@Nullable String name) {
            return name == null ? unnamed : permitted.get(name);
        }
    }
}
