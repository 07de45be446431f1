package io.lattice.gateway.admission;

import io.lattice.cp.manifest.Manifest;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// All tenants of a manifest, and which of them a connection may use. Immutable but for the meters.
public final class Tenants {
    private final Map<String, Tenant> byName = new TreeMap<>();
    private final Map<String, Map<String, Tenant>> byIdentity = new HashMap<>();
    private final Map<String, Tenant> byServerName = new HashMap<>();
    private final Map<Integer, Tenant> byKeyspace = new HashMap<>();
    private final @Nullable Tenant defaultTenant;

    /// @param defaultTenant the tenant of calls that name none, if the manifest has it
    public Tenants(Manifest manifest, String defaultTenant) {
        this(manifest, defaultTenant, null);
    }

    /// @param before whose meters go on; null: none
    Tenants(Manifest manifest, String defaultTenant, @Nullable Tenants before) {
        manifest.tenants()
                .forEach((name, entry) -> {
                    Tenant tenant =
                            new Tenant(
                                    name,
                                    new Route(entry.keyspace(), entry.routingEpoch()),
                                    entry.leaseTtl(),
                                    entry.quota(),
                                    entry.service(),
                                    entry.group(),
                                    meter(name, entry, before));
                    byName.put(name, tenant);
                    byKeyspace.put(tenant.keyspace(), tenant);
                    for (String identity : entry.access().identities()) {
                        byIdentity
                                .computeIfAbsent(identity, _ -> new TreeMap<>())
                                .put(name, tenant);
                    }
                    for (String serverName : entry.access().serverNames()) {
                        byServerName.put(serverName, tenant);
                    }
                });
        this.defaultTenant = byName.get(defaultTenant);
    }

    private static TenantMeter meter(String name, Manifest.Tenant entry, @Nullable Tenants before) {
        Tenant former = before == null ? null : before.byName.get(name);
        return former == null ? new TenantMeter(entry.quota()) : former.meter().by(entry.quota());
    }

    /// All that a group holds, by name.
    public List<Tenant> of(String group) {
        return byName.values().stream().filter(tenant -> tenant.group().equals(group)).toList();
    }

    /// The one of calls that name none; null if the manifest doesn't have it.
    public @Nullable Tenant defaultTenant() {
        return defaultTenant;
    }

    /// The one with that keyspace; null if there is none.
    public @Nullable Tenant ofKeyspace(int keyspace) {
        return byKeyspace.get(keyspace);
    }

    /// The default tenant's routing epoch, or else the highest; 0 without any tenant.
    public long routingEpoch() {
        return defaultTenant != null
                ? defaultTenant.route().epoch()
                : byName.values().stream()
                        .mapToLong(tenant -> tenant.route().epoch())
                        .max()
                        .orElse(0);
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
            if (defaultTenant != null) {
                permitted.put(defaultTenant.name(), defaultTenant);
            }
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
        return defaultTenant != null && candidates.contains(defaultTenant) ? defaultTenant : null;
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
