"""Both ends of a junction, and the microhomology used in ligation."""
