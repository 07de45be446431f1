package io.lattice.gateway.admission;

import io.lattice.gateway.security.SubjectNames;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The names by which a client certificate is known: the common names of its subject, and its subject alternative names that
/// are DNS names, addresses, URIs or mail addresses.
final class ClientIdentities {
    private static final Logger LOG = LoggerFactory.getLogger(ClientIdentities.class);

    private static final int RFC822_NAME = 1;
    private static final int DNS_NAME = 2;
    private static final int URI = 6;
    private static final int IP_ADDRESS = 7;
    private static final Set<Integer> NAMES = Set.of(RFC822_NAME, DNS_NAME, URI, IP_ADDRESS);

    private ClientIdentities() {}

    /// All of a certificate's. A part that can't be read names nobody.
    static Set<String> of(X509Certificate certificate) {
        Set<String> identities = new HashSet<>(SubjectNames.common(certificate));
        try {
            Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
            if (alternatives != null) {
                for (List<?> alternative : alternatives) {
                    if (NAMES.contains(alternative.get(0))
                            && alternative.get(1) instanceof String name) {
                        identities.add(name);
                    }
                }
            }
        } catch (CertificateParsingException e) {
            LOG.warn("the alternative names of a client certificate can't be read", e);
        }
        return identities;
    }
}
