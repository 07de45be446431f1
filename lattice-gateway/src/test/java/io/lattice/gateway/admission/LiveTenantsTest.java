package io.lattice.gateway.admission;

import static org.assertj.core.api.Assertions.assertThat;

import io.grpc.Status;
import io.lattice.cp.manifest.Manifest;
import io.lattice.cp.policy.LeaseTtlPolicy;
import io.lattice.cp.policy.QuotaPolicy;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class LiveTenantsTest {
    private static final Manifest.Group GROUP =
            new Manifest.Group(List.of(new Manifest.Replica("n1", "h1:2380")));

    private Manifest manifest = manifest(Map.of("acme", tenant("g1", 1, true, "acme-client")));
    private final LiveTenants tenants = new LiveTenants(() -> manifest, "default");

    private static Manifest manifest(Map<String, Manifest.Tenant> entries) {
        return new Manifest(entries, Map.of("g1", GROUP, "g2", GROUP));
    }

    private static Manifest.Tenant tenant(String group, long qps, boolean active, String identity) {
        return new Manifest.Tenant(
                7,
                group,
                1,
                new Manifest.Access(Set.of(identity), Set.of()),
                new LeaseTtlPolicy(
                        Duration.ofSeconds(2), Duration.ofMinutes(1), Duration.ofDays(1)),
                new QuotaPolicy(qps, 0, 0, QuotaPolicy.SpaceRecovery.MANUAL),
                new Manifest.Service(active, Duration.ofMinutes(5)));
    }

    private void change(Manifest changed) {
        manifest = changed;
        tenants.refresh();
    }

    private Tenant acme() {
        Tenant acme = tenants.get().ofKeyspace(7);
        assertThat(acme).isNotNull();
        return acme;
    }

    @Test
    void aConnectionIsSettledAnewForEachManifest() {
        Connection connection = new Connection(now -> now.certified(Set.of("acme-client"), null));
        assertThat(connection.caller(tenants.get()).choose(null)).isSameAs(acme());
        assertThat(connection.caller(tenants.get())).isSameAs(connection.caller(tenants.get()));

        change(manifest(Map.of("acme", tenant("g1", 1, true, "another"))));
        assertThat(connection.caller(tenants.get()).choose(null)).isNull();

        change(manifest(Map.of("acme", tenant("g1", 9, true, "acme-client"))));
        assertThat(connection.caller(tenants.get()).choose(null).quota().requestsPerSecond())
                .isEqualTo(9);
    }

    @Test
    void aManifestThatLeavesTheQuotaDoesNotFillTheBucket() {
        assertThat(acme().meter().admit(0)).isZero();
        assertThat(acme().meter().admit(0)).isPositive();

        change(manifest(Map.of("acme", tenant("g1", 1, true, "another"))));

        assertThat(acme().meter().admit(0)).isPositive();
        assertThat(acme().meter().throttled()).isEqualTo(2);
    }

    @Test
    void anotherQuotaHoldsAtOnceAndWhatWasRefusedCountsOn() {
        assertThat(acme().meter().admit(0)).isZero();
        assertThat(acme().meter().admit(0)).isPositive();

        change(manifest(Map.of("acme", tenant("g1", 100, true, "acme-client"))));

        assertThat(acme().meter().admit(0)).isZero();
        assertThat(acme().meter().admit(0)).isZero();
        assertThat(acme().meter().throttled()).isEqualTo(1);
    }

    @Test
    void whatIsNotActiveOrElsewhereIsToldSo() {
        assertThat(acme().refusal()).isNull();
        assertThat(tenants.get().of("g1")).containsExactly(acme());

        change(manifest(Map.of("acme", tenant("g1", 1, false, "acme-client"))));
        Status inactive = acme().refusal();
        assertThat(inactive).isNotNull();
        assertThat(inactive.getCode()).isEqualTo(Status.Code.PERMISSION_DENIED);
        assertThat(tenants.get().of("g1")).containsExactly(acme());

        change(manifest(Map.of("acme", tenant("g2", 1, true, "acme-client"))));
        assertThat(acme().refusal()).isNull();
        Status elsewhere = acme().elsewhere();
        assertThat(elsewhere.getCode()).isEqualTo(Status.Code.UNAVAILABLE);
        assertThat(elsewhere.getDescription()).contains("is in group g2");
        assertThat(tenants.get().of("g1")).isEmpty();
        assertThat(tenants.get().of("g2")).containsExactly(acme());
    }

    @Test
    void withoutADefaultTenantUnnamedCallsHaveNone() {
        assertThat(tenants.get().defaultTenant()).isNull();
        assertThat(tenants.get().routingEpoch()).isEqualTo(1);
        assertThat(tenants.get().certified(Set.of("stranger"), null).choose(null)).isNull();

        change(manifest(Map.of()));
        assertThat(tenants.get().routingEpoch()).isZero();
    }
}
