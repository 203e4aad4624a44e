#!/usr/bin/perl
# Drives perl's Net::SMPP (Debian libnet-smpp-perl) for the tests, by one JSON object a line on stdin and stdout.
# Octets are characters U+0000 to U+00FF, both ways.
#
#   perl net-smpp.pl session PORT   {"call": "submit_sm", "args": ["name", value, ...]} calls that method without
#                                   waiting and answers {"sent": sequence, "call": ...}; each PDU that comes is a line {"cmd": ...}.
#                                   deliver_sm, enquire_link and unbind are answered by hand, as the test says.
#   perl net-smpp.pl codec          {"call": ..., "args": [...]} gives {"octets": what it would send};
#                                   {"decode": octets} gives the PDU.
use strict;
use warnings;
use IO::Select;
use IO::Socket;
use JSON::PP;
use Net::SMPP;

$SIG{PIPE} = 'IGNORE';
$| = 1;
# Its notes on vendor TLVs are no matter here.
$SIG{__WARN__} = sub { print STDERR @_ unless $_[0] =~ /^Unknown tag/ };
my $json = JSON::PP->new->ascii->utf8->canonical;
my ($mode, $port) = @ARGV;

sub say_line { print $json->encode($_[0]), "\n" }

# Arguments as octets: perl keeps strings that came out of JSON in a form that pack does not want.
sub octets { return map { my $v = $_; utf8::downgrade($v) if defined $v && !ref $v; $v } @_ }

sub shown {
    my ($pdu) = @_;
    my %line = map { $_ => $pdu->{$_} } grep { !/^(data|known_pdu|\d+)$/ && !ref $pdu->{$_} } keys %$pdu;
    # It keeps command_id without its name, and TLVs by number and by name.
    $line{cmd} = Net::SMPP::pdu_tab->{$pdu->{cmd}}{cmd} // $pdu->{cmd};
    $line{tlvs} = { map { $_ => $pdu->{$_} } grep { /^\d+$/ } keys %$pdu };
    for my $list (qw(dest_addr_ton dest_addr_npi destination_addr dl_name dest_flag error_status_code)) {
        $line{$list} = $pdu->{$list} if ref $pdu->{$list};
    }
    return \%line;
}

sub call {
    my ($smpp, $line) = @_;
    my $method = $line->{call};
    return $smpp->$method(octets(@{ $line->{args} }), async => 1) unless $method =~ /_resp$|^generic_nack$|^outbind$/;
    return $smpp->$method(octets(@{ $line->{args} }));
}

if ($mode eq 'codec') {
    my ($near, $far) = IO::Socket->socketpair(AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
    for my $end ($near, $far) {
        bless $end, 'Net::SMPP';
        ${*$end}{$_} = Net::SMPP::Default->{$_} for keys %{ Net::SMPP::Default() };
        $end->set_version(0x34);
        $end->autoflush(1);
    }
    while (my $text = <STDIN>) {
        my $line = $json->decode($text);
        if (exists $line->{decode}) {
            $far->syswrite(octets($line->{decode}));
            say_line(shown($near->read_pdu));
        } else {
            call($near, $line);
            $far->sysread(my $got, 100_000);
            say_line({ octets => $got });
        }
    }
    exit 0;
}

my $smpp = Net::SMPP->new_connect('127.0.0.1', port => $port, timeout => 30) or die "connect: $!";
my $select = IO::Select->new(\*STDIN, $smpp);
my $waiting = '';
while (1) {
    for my $ready ($select->can_read) {
        if ($ready == $smpp) {
            my $pdu = $smpp->read_pdu;
            if (!defined $pdu) {
                say_line({ cmd => 'closed' });
                exit 0;
            }
            say_line(shown($pdu));
            next;
        }
        sysread(STDIN, $waiting, 65536, length $waiting) or exit 0;
        while ($waiting =~ s/^(.*)\n//) {
            my $line = $json->decode($1);
            say_line({ sent => call($smpp, $line), call => $line->{call} });
        }
    }
}
