package io.lattice.gateway.security;

import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.naming.ldap.Rdn;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Names in the subject of a certificate.
public final class SubjectNames {
    private static final Logger LOG = LoggerFactory.getLogger(SubjectNames.class);

    private SubjectNames() {}

    /// The common names, most of the time one. None if the subject can't be read.
    public static List<String> common(X509Certificate certificate) {
        String subject = certificate.getSubjectX500Principal().getName();
        List<String> names = new ArrayList<>();
        try {
            for (Rdn part : new LdapName(subject).getRdns()) {
                if (part.getType().equalsIgnoreCase("CN")
                        && part.getValue() instanceof String name) {
                    names.add(name);
                }
            }
        } catch (InvalidNameException e) {
            LOG.warn("the subject of a certificate can't be read: {}", subject, e);
        }
        return names;
    }
}
