package io.lattice.it.failover;

import io.lattice.it.cluster.TestCluster;
import java.util.ArrayList;
import java.util.List;

/// What one tenant's clients were told in all rounds, held against what the nodes have of that tenant. Owned by one thread.
final class Books {
    private final Tenant tenant;
    private final Replicas replicas;
    private final Ledger ledger;

    /// @param cluster ready, and holding nothing of the tenant that its clients have not written
    Books(TestCluster cluster, Tenant tenant) {
        this.tenant = tenant;
        this.replicas = new Replicas(cluster, tenant);
        this.ledger = new Ledger(replicas.revision());
    }

    Tenant tenant() {
        return tenant;
    }

    /// Of all rounds.
    long acknowledged() {
        return ledger.acknowledged();
    }

    /// Judges a round that is over. All nodes have to be up.
    ///
    /// @return the promises that were broken
    List<Violation> judge(History history) {
        List<Violation> found = new ArrayList<>();
        List<Write> writes = history.writes();
        found.addAll(ledger.enter(writes));
        found.addAll(RealTime.violations(history));
        Replicas.Content content = replicas.read();
        found.addAll(content.violations());
        found.addAll(ledger.audit(content.entries(), content.revision()));
        found.addAll(replicas.lookUp(Ledger.registerAcknowledgements(writes)));
        return found;
    }
}
