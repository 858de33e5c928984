package objects

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// The standard security handler (7.6.3; revision 6 is ISO 32000-2, 7.6.4), for
// files that open without a password: whoever holds such a file may read it,
// whatever else its owner asks of those who do.

// method is how strings or streams are encrypted.
type method int

const (
	plain method = iota
	rc4Keys
	aesKeys // a key for every object
	aesKey  // the file's key for all
)

// crypt decrypts a file.
type crypt struct {
	key              []byte
	strings, streams method
	metadata         bool // encrypted like everything else
	dict             int  // number of the encryption dictionary, whose strings are plain
}

// Unlock finds the key of a file that opens with an empty password, after which
// Decrypted and Decode read what is encrypted. ErrEncrypted is the answer to
// one that needs a password or is encrypted in another way.
func (p *File) Unlock() error {
	if !p.Encrypted() || p.crypt != nil {
		return nil
	}
	d, err := p.Dict(p.Trailer.Get("Encrypt"))
	if err != nil {
		return err
	}
	if d.Get("Filter").Name() != "Standard" {
		return fmt.Errorf("%w: security handler %q", ErrEncrypted, d.Get("Filter").Name())
	}
	c := &crypt{metadata: string(d.Get("EncryptMetadata")) != "false"}
	if r, ok := p.Trailer.Get("Encrypt").Ref(); ok {
		c.dict = r.Number
	}
	version, _ := d.Get("V").Int()
	if err := c.methods(p, d, version); err != nil {
		return err
	}
	if version >= 5 {
		c.key, err = longKey(d)
	} else {
		c.key, err = shortKey(p, d, c.metadata)
	}
	if err == nil {
		p.crypt = c
	}
	return err
}

// methods reads the crypt filters (7.6.5).
func (c *crypt) methods(p *File, d Dict, version int64) error {
	if version == 1 || version == 2 {
		c.strings, c.streams = rc4Keys, rc4Keys
		return nil
	}
	filters, err := p.Dict(d.Get("CF"))
	if err != nil {
		return err
	}
	find := func(name string) (method, error) {
		if name == "" || name == "Identity" {
			return plain, nil
		}
		filter, err := p.Dict(filters.Get(name))
		if err != nil {
			return 0, err
		}
		m, known := map[string]method{"None": plain, "V2": rc4Keys, "AESV2": aesKeys, "AESV3": aesKey}[filter.Get("CFM").Name()]
		if !known || version != 4 && version != 5 || (m == aesKey) != (version == 5) && m != plain {
			return 0, fmt.Errorf("%w: version %d, %q", ErrEncrypted, version, filter.Get("CFM").Name())
		}
		return m, nil
	}
	if c.strings, err = find(d.Get("StrF").Name()); err == nil {
		c.streams, err = find(d.Get("StmF").Name())
	}
	return err
}

// padding stands for a password that is shorter (7.6.3.3).
func padding() []byte {
	return []byte("\x28\xBF\x4E\x5E\x4E\x75\x8A\x41\x64\x00\x4E\x56\xFF\xFA\x01\x08\x2E\x2E\x00\xB6\xD0\x68\x3E\x80\x2F\x0C\xA9\xFE\x64\x53\x69\x7A")
}

// shortKey is the key of revisions 2 to 4 (algorithms 2, 4 and 5), checked
// against the user's entry.
func shortKey(p *File, d Dict, metadata bool) ([]byte, error) {
	revision, _ := d.Get("R").Int()
	owner, user := d.Get("O").Bytes(), d.Get("U").Bytes()
	permissions, ok := d.Get("P").Int()
	n := int64(5)
	if bits, given := d.Get("Length").Int(); given && revision == 3 {
		n = max(bits/8, n) // some write 40 as 5
	} else if revision == 4 {
		n = 16
	}
	if revision < 2 || revision > 4 || len(owner) < 32 || len(user) < 32 || !ok || n > 16 {
		return nil, fmt.Errorf("%w: its keys are damaged", ErrEncrypted)
	}
	var id []byte
	if list, _ := p.Trailer.Get("ID").Array(); len(list) > 0 {
		id = list[0].Bytes()
	}
	h := md5.New()
	h.Write(padding())
	h.Write(owner[:32])
	_ = binary.Write(h, binary.LittleEndian, uint32(permissions))
	h.Write(id)
	if revision >= 4 && !metadata {
		h.Write([]byte{0xFF, 0xFF, 0xFF, 0xFF})
	}
	key := h.Sum(nil)
	if revision >= 3 {
		for range 50 {
			sum := md5.Sum(key[:n])
			key = sum[:]
		}
	}
	key = key[:n]
	expected, length := padding(), 32
	if revision >= 3 {
		sum := md5.Sum(append(padding(), id...))
		expected, length = sum[:], 16
	}
	for i := range 20 {
		expected = withRC4(xor(key, byte(i)), expected)
		if revision == 2 {
			break
		}
	}
	if !bytes.Equal(expected[:length], user[:length]) {
		return nil, fmt.Errorf("%w: it needs a password", ErrEncrypted)
	}
	return key, nil
}

func xor(key []byte, with byte) []byte {
	out := make([]byte, len(key))
	for i, b := range key {
		out[i] = b ^ with
	}
	return out
}

func withRC4(key, data []byte) []byte {
	out := make([]byte, len(data))
	c, _ := rc4.NewCipher(key) // its length is right
	c.XORKeyStream(out, data)
	return out
}

// longKey is the key of revisions 5 and 6 (ISO 32000-2, algorithm 2.A).
func longKey(d Dict) ([]byte, error) {
	revision, _ := d.Get("R").Int()
	user, sealed := d.Get("U").Bytes(), d.Get("UE").Bytes()
	if revision != 5 && revision != 6 || len(user) < 48 || len(sealed) < 32 {
		return nil, fmt.Errorf("%w: its keys are damaged", ErrEncrypted)
	}
	hash := func(salt []byte) []byte {
		if revision == 5 {
			sum := sha256.Sum256(salt)
			return sum[:]
		}
		return hardened(salt)
	}
	if !bytes.Equal(hash(user[32:40]), user[:32]) {
		return nil, fmt.Errorf("%w: it needs a password", ErrEncrypted)
	}
	block, err := aes.NewCipher(hash(user[40:48]))
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	cipher.NewCBCDecrypter(block, make([]byte, 16)).CryptBlocks(key, sealed[:32])
	return key, nil
}

// hardened is algorithm 2.B for an empty password.
func hardened(salt []byte) []byte {
	sum := sha256.Sum256(salt)
	k := sum[:]
	for i := 0; ; i++ {
		e := bytes.Repeat(k, 64)
		block, _ := aes.NewCipher(k[:16]) // the length is right
		cipher.NewCBCEncrypter(block, k[16:32]).CryptBlocks(e, e)
		rest := 0
		for _, b := range e[:16] {
			rest += int(b) // 256 is 1 modulo 3
		}
		switch rest % 3 {
		case 0:
			sum := sha256.Sum256(e)
			k = sum[:]
		case 1:
			sum := sha512.Sum384(e)
			k = sum[:]
		default:
			sum := sha512.Sum512(e)
			k = sum[:]
		}
		if i >= 63 && int(e[len(e)-1]) <= i-31 {
			return k[:32]
		}
	}
}

// keyOf is the key for an object (algorithm 1).
func (c *crypt) keyOf(r Ref, m method) []byte {
	if m == aesKey {
		return c.key
	}
	b := append(bytes.Clone(c.key), byte(r.Number), byte(r.Number>>8), byte(r.Number>>16), byte(r.Generation), byte(r.Generation>>8))
	if m == aesKeys {
		b = append(b, "sAlT"...)
	}
	sum := md5.Sum(b)
	return sum[:min(len(c.key)+5, 16)]
}

// maxSealed is the most that is decrypted at once, in bytes.
const maxSealed = 256 << 20

var errCipher = errors.New("encrypted data of a wrong length")

// decrypt is what data say; m is not plain.
func (c *crypt) decrypt(r Ref, m method, data []byte) ([]byte, error) {
	if len(data) == 0 {
		return nil, nil
	}
	if m == rc4Keys {
		return withRC4(c.keyOf(r, m), data), nil
	}
	if len(data) < 32 || len(data)%16 != 0 {
		return nil, errCipher
	}
	block, err := aes.NewCipher(c.keyOf(r, m))
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(data)-16)
	cipher.NewCBCDecrypter(block, data[:16]).CryptBlocks(out, data[16:])
	pad := int(out[len(out)-1])
	if pad < 1 || pad > 16 {
		return nil, errCipher
	}
	return out[:len(out)-pad], nil
}

// Decrypted is o with its strings decrypted, and its stream's data, nil for
// other objects. The file is unlocked.
func (p *File) Decrypted(o Object) (Value, []byte, error) {
	c := p.crypt
	value := o.Value
	if c != nil && c.strings != plain && !p.Packed(o.Ref.Number) && o.Ref.Number != c.dict {
		var err error
		if value, err = c.openStrings(o); err != nil {
			return nil, nil, fmt.Errorf("%w: object %d: %w", ErrDamaged, o.Ref.Number, err)
		}
	}
	if o.Stream == nil {
		return value, nil, nil
	}
	data, err := p.raw(o)
	return value, data, err
}

// raw is a stream's data, decrypted where it is encrypted.
func (p *File) raw(o Object) ([]byte, error) {
	if p.crypt != nil && o.Stream.Length > maxSealed {
		return nil, fmt.Errorf("%w: object %d is too large to be decrypted", ErrEncrypted, o.Ref.Number)
	}
	data, err := io.ReadAll(p.Raw(*o.Stream))
	if err != nil || p.crypt == nil || p.crypt.streams == plain {
		return data, err
	}
	d, _ := o.Value.Dict()
	kind := d.Get("Type").Name()
	if kind == "XRef" || kind == "Metadata" && !p.crypt.metadata {
		return data, nil
	}
	if names, _, err := p.filters(d); err != nil || len(names) > 0 && names[0] == "Crypt" {
		return nil, fmt.Errorf("%w: object %d has a filter of its own (%v)", ErrEncrypted, o.Ref.Number, err)
	}
	if data, err = p.crypt.decrypt(o.Ref, p.crypt.streams, data); err != nil {
		return nil, fmt.Errorf("%w: object %d: %w", ErrDamaged, o.Ref.Number, err)
	}
	return data, nil
}

// openStrings replaces every string by what it says, in hexadecimal.
func (c *crypt) openStrings(o Object) (Value, error) {
	var out Value
	done := 0
	l := Lexer{Data: o.Value}
	for t := l.Next(); t.Kind != End && t.Kind != Bad; t = l.Next() {
		if t.Kind != String && t.Kind != HexString {
			continue
		}
		said, err := c.decrypt(o.Ref, c.strings, o.Value[t.Start:t.End].Bytes())
		if err != nil {
			return nil, err
		}
		out = append(append(out, o.Value[done:t.Start]...), '<')
		out = append(hex.AppendEncode(out, said), '>')
		done = t.End
	}
	return append(out, o.Value[done:]...), nil
}
