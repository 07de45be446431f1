package io.lattice.cp.document;

import io.lattice.proto.manifest.GroupDocument;
import io.lattice.proto.manifest.Identities;
import io.lattice.proto.manifest.LeaseTtl;
import io.lattice.proto.manifest.Quotas;
import io.lattice.proto.manifest.Replica;
import io.lattice.proto.manifest.TenantDocument;
import java.util.Comparator;

/// Brings the parts of a document whose order means nothing into one order, and drops parts that say nothing, so that what
/// says the same is the same.
final class DocumentOrder {
    private DocumentOrder() {}

    static TenantDocument of(TenantDocument document) {
        TenantDocument.Builder ordered = document.toBuilder();
        Identities.Builder identities = ordered.getIdentitiesBuilder();
        identities
                .clearCertificates()
                .addAllCertificates(
                        document.getIdentities().getCertificatesList().stream().sorted().toList());
        identities
                .clearServerNames()
                .addAllServerNames(
                        document.getIdentities().getServerNamesList().stream().sorted().toList());
        if (identities.build().equals(Identities.getDefaultInstance())) {
            ordered.clearIdentities();
        }
        if (document.getQuotas().equals(Quotas.getDefaultInstance())) {
            ordered.clearQuotas();
        }
        if (document.getLeaseTtl().equals(LeaseTtl.getDefaultInstance())) {
            ordered.clearLeaseTtl();
        }
        return ordered.build();
    }

    static GroupDocument of(GroupDocument document) {
        return GroupDocument.newBuilder()
                .addAllReplicas(
                        document.getReplicasList().stream()
                                .sorted(Comparator.comparing(Replica::getNodeId))
                                .toList())
                .build();
    }
}
