package live

import (
	"bytes"
	"context"
	"errors"
	"net"
	"syscall"
	"time"
)

// do is a worker's turn with the connection.
func (p *parked) do(things uint32, d *desk) {
	if p.over {
		return
	}
	if err := p.act(things, d); err != nil {
		p.end(err, d)
	}
}

func (p *parked) act(things uint32, d *desk) error {
	if p.poll != nil {
		return p.actPoll(things, d)
	}
	if things&todoGone != 0 {
		return errLeft
	}
	if things&todoWrite != 0 {
		if err := p.flush(d); err != nil {
			return err
		}
	}
	if things&todoSlow != 0 && p.rest != nil {
		return errSlow
	}
	if p.first != nil {
		if err := p.begin(d); err != nil {
			return err
		}
	}
	if things&todoStop != 0 {
		return p.goodbye(stopping, p.live.spread(time.Second, retryDrainMax), d)
	}
	if things&todoRead != 0 && p.in != nil {
		if err := p.read(d); err != nil {
			return err
		}
	}
	if things&todoBeat != 0 {
		if err := p.beat(d); err != nil {
			return err
		}
	}
	if p.rest != nil {
		p.missed |= things & (todoOwn | todoAll | todoMarks)
		return nil
	}
	things |= p.missed
	p.missed = 0
	return p.look(things, d)
}

// begin says where the stream begins, and what was there already.
func (p *parked) begin(d *desk) error {
	first := *p.first
	p.first = nil
	d.out.Reset()
	if !first.resync {
		p.enc.ready(&d.out, first.from)
	}
	err := p.tell(first, d)
	if first.more {
		p.again(todoOwn)
	}
	if p.f.reads != nil {
		p.again(todoMarks)
	}
	return err
}

// beat shows that the connection is alive, or ends it when it is old. The bus may lose wake-ups: what they were for is
// found at every third one.
func (p *parked) beat(d *desk) error {
	now := p.live.clock.Now()
	left := p.old.Sub(now)
	if left <= 0 {
		return p.goodbye(aged, p.live.spread(retryAged, 2*retryAged), d)
	}
	if p.in != nil {
		if err := p.in.beat(); err != nil {
			return err
		}
	}
	p.engine.table.set(p, now.Add(min(p.live.heartbeat, left)))
	p.beats++
	if p.rest == nil {
		d.out.Reset()
		p.enc.ping(&d.out)
		if err := p.write(d.out.Bytes(), d); err != nil {
			return err
		}
	}
	if p.beats%lookEvery == 0 {
		p.woken.Store(p.engine.tail.now(true))
		p.missed |= todoAll
		if p.f.reads != nil {
			p.missed |= todoMarks
		}
	}
	return nil
}

// look sends what is new: what is for everybody from what all share, else by a look of its own, a page at a time.
func (p *parked) look(things uint32, d *desk) error {
	if things&todoMarks != 0 {
		if err := p.lookReads(d); err != nil {
			return err
		}
		if p.rest != nil {
			p.missed |= things & (todoOwn | todoAll)
			return nil
		}
	}
	if things&(todoOwn|todoAll) == 0 {
		return nil
	}
	if things&todoOwn == 0 && p.engine.tail.log != nil {
		if done, err := p.lookShared(d); done || err != nil {
			return err
		}
	}
	st, err := p.f.next(context.Background())
	if err != nil {
		return err
	}
	d.out.Reset()
	if err := p.tell(st, d); err != nil {
		return err
	}
	if st.more {
		p.again(todoOwn)
	}
	return nil
}

// lookReads sends what was read meanwhile.
func (p *parked) lookReads(d *desk) error {
	n, more, err := p.f.reads.next(context.Background())
	if err != nil {
		return err
	}
	d.out.Reset()
	if len(n.IDs) > 0 {
		if err := p.enc.read(&d.out, n); err != nil {
			return err
		}
	}
	if more {
		p.again(todoMarks)
	}
	return p.write(d.out.Bytes(), d)
}

// again looks again, after others had their turn or when the socket has room.
func (p *parked) again(things uint32) {
	if p.rest != nil {
		p.missed |= things
		return
	}
	p.todo.Or(things)
}

func (p *parked) lookShared(d *desk) (done bool, err error) {
	t := p.engine.tail
	if err := t.refresh(context.Background(), p.woken.Load()); err != nil {
		return false, nil // a look of its own says what is wrong
	}
	items, next, ok := t.behind(p.f.user, p.f.at)
	if !ok {
		return false, nil
	}
	now := p.live.clock.Now()
	for _, i := range items {
		if !now.Before(i.Notification.ExpiresAt) {
			continue
		}
		if p.rest != nil {
			p.missed |= todoAll
			return true, nil
		}
		data, err := i.encode(p.enc, p.f.reader, next.Epoch)
		if err == nil {
			err = p.write(data, d)
		}
		if err != nil {
			return false, err
		}
		p.f.at.Seq = i.Seq
	}
	p.f.at = next
	return true, nil
}

// tell sends a stretch behind what is in d.out already. When the socket is full, the rest is read again later: so much of
// it is kept in memory at most.
func (p *parked) tell(st stretch, d *desk) error {
	if st.resync {
		p.enc.resync(&d.out, st.from)
	}
	for i := range st.items {
		if err := p.enc.item(&d.out, &st.items[i]); err != nil {
			return err
		}
		if d.out.Len() < maxWrite {
			continue
		}
		if err := p.write(d.out.Bytes(), d); err != nil {
			return err
		}
		d.out.Reset()
		if p.rest != nil && i < len(st.items)-1 {
			p.f.at = st.items[i].cursor()
			p.missed |= todoOwn
			return nil
		}
	}
	return p.write(d.out.Bytes(), d)
}

// write hands over whole messages; what the socket does not take at once is kept until it does.
func (p *parked) write(b []byte, d *desk) error {
	if p.rest != nil {
		p.rest = append(p.rest, b...)
		return nil
	}
	n, err := d.turn.tryWrite(p.raw, b)
	if err != nil {
		return err
	}
	if n < len(b) {
		p.rest = bytes.Clone(b[n:])
		p.engine.poller.full(p)
	}
	return nil
}

// flush goes on with what the socket did not take.
func (p *parked) flush(d *desk) error {
	if p.rest == nil {
		return nil
	}
	n, err := d.turn.tryWrite(p.raw, p.rest)
	if err != nil {
		return err
	}
	if p.rest = p.rest[n:]; len(p.rest) == 0 {
		p.rest = nil
		p.engine.poller.taken(p)
	}
	return nil
}

// goodbye is the last word, if the socket takes it at once.
func (p *parked) goodbye(why farewell, retry time.Duration, d *desk) error {
	if p.rest == nil {
		d.out.Reset()
		p.enc.goodbye(&d.out, why, retry)
		_, _ = d.turn.tryWrite(p.raw, d.out.Bytes()) // best effort: the stream ends anyway
	}
	return errTold
}

// end closes the connection and says why, once.
func (p *parked) end(err error, d *desk) {
	p.over = true
	log := p.live.log.With("user", p.f.user, "transport", p.enc.name())
	var network *net.OpError
	switch {
	case errors.Is(err, errLeft) || errors.Is(err, errTold):
		log.Debug("live stream ended")
	case errors.Is(err, errSlow):
		log.Info("live client is too slow: dropped")
	case errors.As(err, &network) || isErrno(err):
		log.Debug("live stream broke", "error", err)
	default:
		log.Warn("live stream ended by an error", "error", err)
		if p.poll != nil {
			break // half of an answer may be out
		}
		_ = p.goodbye(trouble, p.live.spread(retryTrouble, 2*retryTrouble), d)
	}
	p.engine.table.remove(p)
	p.engine.poller.remove(p)
	_ = p.conn.Close()
	p.unpark()
}

func isErrno(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no)
}
